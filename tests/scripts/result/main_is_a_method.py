class Program:
    def main(self):
        print("not called")
